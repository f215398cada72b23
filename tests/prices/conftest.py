"""How this folder's laws are tried: without a clock, since the machine is shared."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
