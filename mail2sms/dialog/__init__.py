"""Dialogue by SMS: what a phone writes to one of our numbers is answered (I6, I7).

``answer`` decides and ``card`` holds the dialogue that makes a card; both are pure. ``job`` carries their word out.
"""
