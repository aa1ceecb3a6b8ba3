"""Layer-wise relevance propagation: the score of a unit, shared out from layer to layer down to the pixels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from inspectnet.errors import OptionError
from inspectnet.graph.operators import ACTIVATIONS, CHANNELWISE, ROUTES, SHARES, WEIGHTED
from inspectnet.graph.values import input_of, inputs_of, optional_input, producer_of
from inspectnet.methods.backprop import OfUnits
from inspectnet.methods.method import method, option
from inspectnet.methods.targets import Units
from inspectnet.rules import HELD, Backward, Bottoms, Policy, Row, Rule, Signal, find_rule, refuse
from inspectnet.rules.broadcasting import divided, gather_up

COMPOSITES = ("epsilon_plus", "epsilon_gamma_box", "epsilon")
STABILISER = 1e-6  # of the denominators of all rules but epsilon's
PASSING = ACTIVATIONS | CHANNELWISE | {"Erf"}  # functions of single numbers, with one slope for each
SCALES = frozenset({"Mul", "Div"})
Term = tuple[ir.Value, ir.Value, ir.Value | None]  # an input, weights and a bias


@method("lrp")
class Lrp(OfUnits):
    """Layer-wise relevance propagation (Bach et al. 2015): the score, shared out to the pixels that made it.

    composite: epsilon_plus is z+ for convolutions and epsilon for dense layers (Montavon et al. 2017, Kohlbrenner et
    al. 2020); epsilon_gamma_box is gamma for convolutions and the z-box rule for those that see the pixels (Montavon et
    al. 2019); epsilon is that rule everywhere. Activations, batch normalisation and products with constants or gates
    pass relevance on, sums and means share it out by what each term adds, maxima give it to the winner.
    bias: keeps its `share`, as in the papers, or gets `none`, so that the pixels add up to the score where every sum
    has summands that its rule looks at. The box is what the preparation makes of pixels 0 and 255.
    Raises RuleError for an operator that no rule of LRP is for.
    """

    composite: str = option("which rules", default="epsilon_plus", among=COMPOSITES)
    epsilon: float = option("added to the denominators of dense layers", default=1e-6, least=0)
    gamma: float = option("by how much positive weights count more", default=0.25, least=0)
    bias: str = option("keeps its share of the relevance, or gets none", default="share", among=("share", "none"))

    def explain(self, x: np.ndarray, units: Units) -> np.ndarray:
        low, high = self._box() if self.composite == "epsilon_gamma_box" else ((), ())
        policy = Relevance("lrp", "", "", self.composite, self.epsilon, self.gamma, self.bias == "share", low, high)
        relevance = units.scaled(x).backward(x, policy)
        if not np.isfinite(relevance).all():
            advice = "Say bias=share, composite=epsilon_plus or a larger epsilon."
            raise OptionError(f"denominators of lrp cancel in {self.net.path}, so that it overflows. {advice}")
        return relevance

    def _box(self) -> list[tuple[float, ...]]:
        """By channel, what black and white pixels become."""
        channels, height, width = self.net.input_shape
        if channels not in (1, 3):
            raise OptionError(f"the box of lrp is that of photos, but {self.net.path} takes {channels} channels.")
        photos = (np.full((height, width, 3), level, np.uint8) for level in (0, 255))
        return [tuple(map(float, self.net.preparation.normalise(photo)[:, 0, 0])) for photo in photos]


@dataclass(frozen=True)
class Relevance(Policy):
    """The rules of LRP. `top` is the relevance of an operator's outputs, what they give that of its inputs."""

    method: str = "lrp"
    composite: str = COMPOSITES[0]
    epsilon: float = 1e-6
    gamma: float = 0.25
    biased: bool = True
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @classmethod
    def rows(cls) -> dict[str, Row]:
        """What else is done: what was recorded is held."""
        return {"lrp": Row(rectify="signal", state="held", lrn="identity")}

    def own_rule(self, node: ir.Node) -> Rule | None:
        """The rule for an operator; None for those that only move numbers, whose rule is the table's."""
        kind = node.op_type if node.domain in ("", "ai.onnx") else ""
        if kind in ("Conv", "ConvTranspose"):
            rules = {"epsilon_plus": self.plus, "epsilon": self.share, "epsilon_gamma_box": self.enhance}
            first = self.composite == "epsilon_gamma_box" and _reads_pixels(node)
            return self.within_box if first else rules[self.composite]
        rules = {"Gemm": self.share, "MatMul": self.share_by_other}
        rules |= dict.fromkeys(PASSING, self.hand_down) | dict.fromkeys(SCALES, self.hand_to_signal)
        rules |= dict.fromkeys(SHARES, self.share_out)
        return None if kind in ROUTES else rules.get(kind, self.refuse)

    def share(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """Epsilon: to each input its part x w of the sum that it helped to make (Bach et al. 2015, eq. 58)."""
        return [self._share(op, node, top, [_term(node)], self.epsilon)]

    def plus(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """z+: to each input its part of the positive summands x w alone (Montavon et al. 2017; alpha 1, beta 0)."""
        x, w, b = _term(node)
        up, down = (op.Relu(x), _positive(op, w), b and _positive(op, b)), (_negative(op, x), _negative(op, w), None)
        return [self._share(op, node, top, [up, down])]

    def enhance(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """Gamma: as epsilon, where summands of the sum's own sign count 1 + gamma times (Montavon et al. 2019)."""
        x, w, b = _term(node)
        more, less = (
            (self._enhanced(op, w, part), b and self._enhanced(op, b, part)) for part in (_positive, _negative)
        )
        ups, downs = op.Relu(x), _negative(op, x)
        y = self._forward(op, node, (x, w, b)).outputs[0]  # whose sign, not that of a bias without share, is told apart
        above = self._share(op, node, op.Where(op.Greater(y, 0.0), top, 0.0), [(ups, *more), (downs, less[0], None)])
        below = self._share(op, node, op.Where(op.Less(y, 0.0), top, 0.0), [(ups, *less), (downs, more[0], None)])
        return [op.Add(above, below)]

    def _enhanced(self, op: Backward, values: ir.Value, part: Callable[[Backward, ir.Value], ir.Value]) -> ir.Value:
        return op.Add(values, op.Mul(part(op, values), self.gamma))

    def within_box(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """z-box: as epsilon, of x w less the lowest that pixels could add (Montavon et al. 2017, sec. 4.2)."""
        x, w, b = _term(node)
        low, high = (
            op.Expand(np.array(edge, np.float32).reshape(-1, 1, 1), op.Shape(x)) for edge in (self.low, self.high)
        )
        corners = [(low, _positive(op, w), b and _positive(op, b)), (high, _negative(op, w), b and _negative(op, b))]
        return [self._share(op, node, top, [(x, w, b)], less=corners)]

    def share_by_other(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """Epsilon: to each number its part of the products' sum; attention is held fixed."""
        return self._share_out(op, node, top, self.epsilon)

    def share_out(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """To each number its part of the sum that it helped to make."""
        if node.op_type in ("Add", "Sub", "Sum") and not self.biased and sum(x in op.alive for x in node.inputs) == 1:
            return [gather_up(op, node, top, x) if x in op.alive else None for x in node.inputs]
        return self._share_out(op, node, top, STABILISER)

    def hand_down(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """The relevance as it is."""
        return [top, *[None] * (len(node.inputs) - 1)]

    def hand_to_signal(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """The relevance as it is, to the factor that is no gate, scale or divisor (Arras et al. 2017)."""
        passed = self._one_way(op, node, top)
        return [
            b if b is HELD or b is None else gather_up(op, node, top, x)
            for x, b in zip(inputs_of(node), passed, strict=True)
        ]

    def refuse(self, op: Backward, node: ir.Node, top: Signal) -> Bottoms:
        """Nothing: LRP has no rule for it."""
        raise refuse(node, "LRP does not say how it shares relevance out")

    def _share(
        self, op: Backward, node: ir.Node, top: ir.Value, terms: Sequence[Term], epsilon: float = STABILISER,
        less: Sequence[Term] = (),
    ) -> ir.Value:  # fmt: skip
        """The relevance of x by x w / z, where z are the sums that `node` makes of terms, less those of others."""
        made = [(term[0], self._forward(op, node, term)) for term in (*terms, *less)]
        z = _sum_less(op, [forward.outputs[0] for _, forward in made], len(terms))
        share, parts = _divided(op, top, z, epsilon), list[ir.Value]()
        for x, forward in made:
            bottom, *_ = self._linear(op, forward, share)
            assert isinstance(bottom, ir.Value), "the input of a sum gets its signal"
            parts.append(op.Mul(x, bottom))
        return _sum_less(op, parts, len(terms))

    def _forward(self, op: Backward, node: ir.Node, term: Term) -> ir.Node:
        """The operator once more, of another input, weights and bias."""
        x, w, b = term
        x.shape, x.type = input_of(node).shape, input_of(node).type
        w.shape, w.type = input_of(node, 1).shape, input_of(node, 1).type
        inputs = (x, w, b) if b is not None and self.biased else (x, w)
        made = op.write(node.op_type, *inputs, **node.attributes)
        made.shape, made.type = node.outputs[0].shape, node.outputs[0].type
        return producer_of(made)

    def _share_out(self, op: Backward, node: ir.Node, top: ir.Value, epsilon: float) -> Bottoms:
        """The relevance of each input by what it adds to the output, which is linear in all of them together."""
        share = _divided(op, top, node.outputs[0], epsilon)
        bottoms = (self._one_way if node.op_type == "MatMul" else self._linear)(op, node, share)
        return [b if b is HELD or b is None else op.Mul(x, b) for x, b in zip(node.inputs, bottoms, strict=False)]

    def _linear(self, op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
        """What the shared table makes of a signal."""
        return find_rule(node, LINEAR)(op, node, top)

    def _one_way(self, op: Backward, node: ir.Node, top: ir.Value) -> Bottoms:
        """The same, if it goes to one factor of a product, all others being constant or held."""
        bottoms = self._linear(op, node, top)
        if sum(b is not HELD and b is not None for b in bottoms) > 1:
            raise refuse(node, "LRP does not say which of two factors gets the relevance")
        return bottoms


LINEAR = Policy("deconvnet")  # whose linear rules are those of all methods, and which holds gates


def _term(node: ir.Node) -> Term:
    return input_of(node), input_of(node, 1), optional_input(node, 2)


def _sum_less(op: Backward, values: Sequence[ir.Value], added: int) -> ir.Value:
    """The sum of the first so many values, less the others."""
    total, *others = values
    for number, value in enumerate(others, 1):
        total = (op.Add if number < added else op.Sub)(total, value)
    return total


def _divided(op: Backward, top: ir.Value, z: ir.Value, epsilon: float) -> ir.Value:
    """top / z, with epsilon of its sign added to z; without epsilon 0 where z is."""
    if not epsilon:
        return divided(op, top, z)
    return op.Div(top, op.Add(z, op.Where(op.Less(z, 0.0), -epsilon, epsilon)))


def _positive(op: Backward, values: ir.Value) -> ir.Value:
    return op.Relu(values)


def _negative(op: Backward, values: ir.Value) -> ir.Value:
    return op.Min(values, 0.0)


def _reads_pixels(node: ir.Node) -> bool:
    """Whether no operator with weights lies between the image and a node."""
    asked, seen = [input_of(node)], set[ir.Value]()
    while asked:
        value = asked.pop()
        maker = None if value in seen else value.producer()
        seen.add(value)
        if maker is not None and maker.op_type in WEIGHTED:
            return False
        asked += [x for x in maker.inputs if x is not None] if maker is not None else []
    return True
