"""inspectnet verify: numerical proof on the user's own model."""


def verify() -> None:
    """Prove numerically that the inverse of this model is what it claims to be."""
