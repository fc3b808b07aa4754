"""Who a model is trained on, as a configuration says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genoaudit.data.membership import Membership, draw_members, everybody, members_by_column, members_by_file
from genoaudit.model_config import Members, MembersByColumn, MembersByFile

if TYPE_CHECKING:
    from genoaudit.data.cohort import Cohort


def members_from(section: Members, cohort: Cohort) -> Membership:
    """Find the members among the patients of a cohort.

    Raises
    ------
    ConfigError, DataError
        As `genoaudit.data.membership` says.
    """
    if section == "all":
        return everybody(cohort)
    if isinstance(section, MembersByColumn):
        return members_by_column(cohort, section.column)
    if isinstance(section, MembersByFile):
        return members_by_file(cohort, section.file)
    return draw_members(cohort, share=section.share, seed=section.seed)
