"""Providers of short messages over HTTP, without I/O: requests from a description, answers and callbacks read by it.

The description is the link's settings (``mail2sms.settings.http``). Nothing in it is executed: templates have named
places only, and answers are read by path or by regular expression.
"""
