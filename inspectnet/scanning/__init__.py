"""One pass over images answers any number of questions, and what parts of them gave is put together to the same bits.

collection -> Stream -> Rows -> question (runs networks) -> accumulator (arrays: update, merge, result)
"""

from inspectnet.scanning.asking import Scanned, ask, find_strongest, refuse_changed, refuse_other_rows
from inspectnet.scanning.engine import Accumulator, NetworkQuestion, Question, Rows, scan
from inspectnet.scanning.gather import Gather
from inspectnet.scanning.peaks import Peaks
from inspectnet.scanning.sums import Sum
from inspectnet.scanning.top import Ranking, Top
from inspectnet.scanning.winners import GREY, Activation, Feature, project_winners
