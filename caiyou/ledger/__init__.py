"""What happened, in SQL: events as they came, and short messages as they stand.

``models`` the tables · ``database`` engine and migrations · ``record`` writes events · ``writer`` is `caiyou-ledgerd` ·
``history`` reads events back · ``postfix_log`` reads Postfix's log · ``trace`` joins it all for one message.
"""
