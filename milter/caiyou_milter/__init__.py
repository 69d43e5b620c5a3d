"""The milter: refuses, scans and triggers notifications, beside Postfix on the MX and on submission alike."""
