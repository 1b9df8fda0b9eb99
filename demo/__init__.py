"""The demonstration: Groundswell with everything it needs on one machine, an invented company and its story."""
