"""Who should be invited to champion a change, and why. Pure: a snapshot goes in, a plan with reasons comes out.

Sections named in this package ("3.3") are those of the design reference for champions.
"""
