"""``%energy``, ``%%energy`` and ``%energyit``."""
