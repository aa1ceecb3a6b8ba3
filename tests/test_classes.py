"""Names of classes: which one a user means, and how they are shown."""

from inspectnet.classes import short_names


def test_a_class_is_called_by_its_first_synonym_if_no_other_class_is():
    names = ["tench, Tinca tinca", "maillot", "maillot, tank suit", "crane (134)", ", odd", ""]
    assert short_names(names) == ["tench", "maillot", "maillot, tank suit", "crane (134)", ", odd", ""]
