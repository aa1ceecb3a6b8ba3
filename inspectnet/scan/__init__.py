"""One pass over images answers any number of questions, and what parts of them gave is put together to the same bits.

collection -> Stream -> Rows -> question (runs networks) -> accumulator (arrays: update, merge, result)
"""

from inspectnet.scan.engine import Accumulator, NetworkQuestion, Question, Rows, scan
from inspectnet.scan.gather import Gather
from inspectnet.scan.peaks import Peaks, find_strongest
from inspectnet.scan.sums import Sum
from inspectnet.scan.top import Ranking, Top
from inspectnet.scan.winners import GREY, Activation, Feature, project_winners
