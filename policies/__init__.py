"""Governance as data: who may decide what, who is asked, by when, and why it is them.

Pure apart from :mod:`policies.loader`, which reads policy files. A policy is a YAML 1.2 file; the shipped one stands
beside this package as ``default.yaml``.
"""
