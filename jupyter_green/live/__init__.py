"""Live energy figures: sent to pages and to views in the notebook while cells run."""

from .publisher import LivePublisher

__all__ = ["LivePublisher"]
