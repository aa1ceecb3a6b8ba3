"""The text that means methods: `smoothgrad:samples=16:noise=0.2,grad_cam:layer=conv4`, or `all`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from inspectnet.errors import OptionError, nearest
from inspectnet.methods.backprop import Deconvnet, Projection
from inspectnet.methods.method import METHODS, Method, unknown_option
from inspectnet.network import Network
from inspectnet.rules import Policy

FORM = "Write methods by commas and options by colons, as smoothgrad:samples=16:noise=0.2,grad_cam:layer=conv4."


def parse_methods(net: Network, text: str) -> dict[str, Method]:
    """The methods that a text means, ready for a network, by name; those that are asked for twice, by their texts.

    Raises OptionError for what is none, LayerError.
    """
    return {name: kind(net, **options) for name, (kind, options) in _parse(text, METHODS).items()}


def parse_policies(text: str) -> dict[str, Policy]:
    """The policies of the projections that a text means, as `parse_methods` names them. Raises OptionError."""
    known = {name: kind for name, kind in METHODS.items() if issubclass(kind, Projection)}
    return {name: Policy(kind.name, **options) for name, (kind, options) in _parse(text, known).items()}


def parse_policy(text: str) -> Policy:
    """The policy of the one projection that a text means. Raises OptionError."""
    first, *more = parse_policies(text).values()
    if more:
        raise OptionError(f"one method is wanted, not {len(more) + 1} as in '{text}'. Run the command for each.")
    return first


def policy_of(said: str | Policy) -> Policy:
    """The policy of the one projection that a text means, or that was made. Raises OptionError."""
    return said if isinstance(said, Policy) else parse_policy(said)


def _parse(text: str, known: Mapping[str, type[Method]]) -> dict[str, tuple[type[Method], dict[str, Any]]]:
    """By name, the kinds of methods that a text means, and their options."""
    texts = list(known) if text == "all" else [part.strip() for part in text.split(",") if part.strip()]
    if not texts:
        raise OptionError(f"no method in '{text}'. {FORM}")
    parts = [re.split(r":(?=\w+=)", part) for part in dict.fromkeys(texts)]  # names of layers may have colons
    names = [name for name, *_ in parts]
    for name in names:
        if name not in known:
            form = f" {FORM}" if ":" in name else ""
            raise OptionError(f"no method '{name}'.{nearest(name, known)} There are: {', '.join(known)}.{form}")
    return {
        name if names.count(name) == 1 else ":".join([name, *said]): (known[name], _options(known[name], said))
        for name, *said in parts
    }


def methods_of(net: Network, said: str | Sequence[Method]) -> dict[str, Method]:
    """By name, the methods of classes that a text means, or that were made for the network. Raises OptionError."""
    if isinstance(said, str):
        return parse_methods(net, said)
    for method in said:
        if method.net is not net or method.of:
            whose = f"units of {method.of}" if method.of else f"classes of {method.net.path}"
            raise OptionError(f"{method.name} was made to explain {whose}, not classes of {net.path}. Make it anew.")
    if not said:
        raise OptionError(f"there is no method. {FORM}")
    names = [method.name for method in said]
    full = {
        method: ":".join([method.name, *(f"{key}={value}" for key, value in method.options.items())]) for method in said
    }
    return {method.name if names.count(method.name) == 1 else full[method]: method for method in said}


def suited_methods(net: Network, names: str, *, read: bool = False) -> tuple[dict[str, Method], dict[str, str]]:
    """Of the methods that a text names those that show something of the network's classes; why others do not.

    read: that somebody reads the photo's explanation, of which the deconvnet leaves too little at a class's own map.
    """
    methods, pool = parse_methods(net, names), net.score_pool()
    spread = "the global pool spreads the signal of a class evenly over all places"
    ring = (
        "at a class's own map below a global pool, in SqueezeNet, where it was measured, it left a ring around the unit"
    )
    deconvnets = {name: method for name, method in methods.items() if pool and isinstance(method, Deconvnet)}
    left_out = {
        name: ring if method.start else spread for name, method in deconvnets.items() if read or not method.start
    }
    return {name: method for name, method in methods.items() if name not in left_out}, left_out


def _options(kind: type[Method], said: Sequence[str]) -> dict[str, Any]:
    """The options of a method, in the types that its fields have."""
    types, options = {field.name: field.type for field in kind.takes()}, dict[str, Any]()
    for part in said:
        name, _, value = part.partition("=")
        if name not in types:
            raise unknown_option(kind, name)
        if name in options:
            raise OptionError(f"{kind.name} is given its {name} twice. Say it once.")
        options[name] = _read(value.strip(), types[name])
    return options


def _read(text: str, kind: Any) -> Any:
    """The number that a text means where an option is one; any other text as it is, which the method then refuses."""
    if kind is str:
        return text
    try:
        return int(text) if kind is int else float(text)
    except ValueError:
        return text
