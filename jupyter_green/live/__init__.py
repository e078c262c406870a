"""Floor 7: the live link. What the kernel says of its energy while cells run, to pages and to views in the notebook."""

from .publisher import LivePublisher

__all__ = ["LivePublisher"]
