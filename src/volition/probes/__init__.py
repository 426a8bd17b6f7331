"""The audit: probes, findings, verdict."""

from volition.probes.audit import Audit as Audit, audit as audit
from volition.probes.finding import (
    Finding as Finding,
    Path as Path,
    follow_policy as follow_policy,
    replay as replay,
)
from volition.probes.harm import harm_as_the_cheaper_end as harm_as_the_cheaper_end
from volition.probes.loops import loops_that_pay as loops_that_pay
