"""Commands of the multimedia part: ``handset``."""
