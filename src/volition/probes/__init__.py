"""The audit: probes, findings, verdict."""

from volition.probes.anomaly import anomalous as anomalous
from volition.probes.attacks import fragile_answers as fragile_answers
from volition.probes.audit import Audit as Audit, audit as audit
from volition.probes.capability import worse_when_better as worse_when_better
from volition.probes.check import Check as Check
from volition.probes.correlated import beyond_the_bound as beyond_the_bound
from volition.probes.finding import (
    Finding as Finding,
    Path as Path,
    follow_policy as follow_policy,
    replay as replay,
)
from volition.probes.groups import groups_harmed as groups_harmed
from volition.probes.hackable import hackable as hackable
from volition.probes.harm import harm_as_the_cheaper_end as harm_as_the_cheaper_end
from volition.probes.known import Known as Known
from volition.probes.loops import loops_that_pay as loops_that_pay
from volition.probes.nuisance import dependence as dependence, spurious as spurious
from volition.probes.off_support import off_support as off_support
from volition.probes.over_optimised import over_optimised as over_optimised
from volition.probes.oversight import oversight_removed as oversight_removed
from volition.probes.play import (
    PlayedAudit as PlayedAudit,
    audit_by_play as audit_by_play,
)
from volition.probes.played import PlayedFinding as PlayedFinding, Shown as Shown
from volition.probes.pressed import (
    Pressed as Pressed,
    lost_at_the_end as lost_at_the_end,
    press as press,
)
from volition.probes.rules import (
    Rule as Rule,
    broken_rules as broken_rules,
    robustness as robustness,
)
from volition.probes.sensors import sensors_fooled as sensors_fooled
from volition.probes.shaping import leaking_shaping as leaking_shaping
from volition.probes.shift import Elsewhere as Elsewhere, shifted as shifted
from volition.probes.side_effects import side_effects as side_effects
from volition.probes.table import (
    PROBES as PROBES,
    UNSAFE as UNSAFE,
    Probe as Probe,
    Subject as Subject,
)
