"""The LDAP directory: ``model`` (values), ``lookup`` (the daemons' reading), ``admin`` (every change)."""
