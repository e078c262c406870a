"""Several recipes in sequence as one, to test what the search composes step by step."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_green.compression.recipes.recipe import Recipe, RecipeContext, RecipeResult, follow


@dataclass(frozen=True)
class Chain:
    recipes: tuple[Recipe, ...]

    @property
    def name(self) -> str:
        return ", ".join(recipe.name for recipe in self.recipes)

    @property
    def trains(self) -> bool:
        return any(recipe.trains for recipe in self.recipes)

    def applies(self, case: RecipeContext) -> str | None:
        return next((reason for recipe in self.recipes if (reason := recipe.applies(case)) is not None), None)

    def apply(self, case: RecipeContext) -> RecipeResult:
        return follow(self.recipes[0].apply(case), self.recipes[1:], case)
