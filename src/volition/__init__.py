"""Volition: what people want, as a reward; agents that pursue it; evidence for both."""
