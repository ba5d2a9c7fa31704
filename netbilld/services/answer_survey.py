"""AnswerSurvey: five questions to a subscriber whose complaint was closed, answered once."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from netbilld.model.complaint import ComplaintState
from netbilld.model.errors import InvalidInputError, RefusedError
from netbilld.ports.complaints import Store
from netbilld.services.complaint_steps import Doing, clean_words, found, note_change

LEAST: Final = 1
MOST: Final = 5
LONGEST_REMARK: Final = 1_000
SCALES: Final = ("overall", "speed", "manner")


@dataclass(frozen=True, slots=True)
class Answers:
    """What they think: three marks from 1 (bad) to 5 (good), whether it was solved, and a remark."""

    overall: int
    speed: int
    manner: int
    solved: bool
    remark: str = ""


class AnswerSurvey:
    """Keeps what subscribers think of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, number: str, answers: Answers, doing: Doing, *, owner: UUID) -> bool:
        """Keep the answers of the subscriber whose complaint it is; return False where they answered before.

        Raises:
            NotFoundError: no such complaint is theirs.
            InvalidInputError: a mark is none.
            RefusedError: the complaint is not closed.
        """
        if any(not LEAST <= getattr(answers, scale) <= MOST for scale in SCALES):
            raise InvalidInputError("each mark is from 1 to 5", code="survey_mark")
        remark = clean_words("the remark", answers.remark, is_needed=False, longest=LONGEST_REMARK)
        async with self._store.write() as work:
            complaint = await found(work, number, doing, owner=owner)
            if complaint.state is not ComplaintState.CLOSED:
                raise RefusedError(f"complaint {number} is not closed", code="survey_early")
            said = {
                "overall": answers.overall,
                "speed": answers.speed,
                "manner": answers.manner,
                "solved": answers.solved,
                "remark": remark,
            }
            if not await work.complaints.add_answers(complaint.id, said, doing.now):
                return False
            await note_change(work, complaint, doing, "complaint.survey", {"overall": answers.overall})
            return True
