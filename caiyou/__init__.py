"""Caiyou 彩邮: the kernel that every component shares. No daemon lives here and importing it opens no socket."""
