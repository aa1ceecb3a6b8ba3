"""Labels against what classes are called: names, WordNet ids, numbers, sorted order; and what is left out."""

from pathlib import Path

import pytest

from inspectnet.errors import ImageError, OptionError
from inspectnet.images import Collection, Entry, all_names, match_labels


def collection(*labels, files=()):
    """One image for each label, then images without a label of those names."""
    entries = [Entry(f"{i}.png", label, f"{i}.png") for i, label in enumerate(labels)]
    return Collection(Path("photos"), (*entries, *(Entry(name, None, name) for name in files)))


def matched(images, count, names=()):
    targets = match_labels(images, count, names)
    assert len(targets.collection) == len(targets.classes)
    return targets, targets.classes.tolist()


def test_a_label_is_a_name_of_a_class():
    targets, classes = matched(collection("dog", "cat", "dog"), 2, [["cat"], ["dog"]])
    assert (classes, targets.names, targets.guessed, targets.left_out) == ([1, 0, 1], ("cat", "dog"), False, {})


@pytest.mark.parametrize("called", ["n01443537", "n01443537 goldfish", "n01443537_goldfish", "n01443537, Carassius"])
@pytest.mark.parametrize("label", ["n01443537", "n01443537_goldfish"])
def test_a_wordnet_id_is_known_wherever_it_begins_a_name_or_a_label(label, called):
    assert matched(collection(label), 2, [["n01440764 tench"], [called]])[1] == [1]


def test_what_only_looks_like_a_wordnet_id_is_none():
    with pytest.raises(OptionError, match="the label 'n014435371' is none of the model's 2 classes"):
        match_labels(collection("n014435371"), 2, [["n01443537"], ["cat"]])


def test_a_class_is_called_by_any_of_its_names_and_shown_by_the_last():
    names = [["tench", "n01440764", "tench, Tinca tinca"], ["n01443537", "goldfish"]]
    targets, classes = matched(collection("n01440764", "tench", "goldfish"), 2, names)
    assert (classes, targets.names) == ([0, 0, 1], ("tench, Tinca tinca", "goldfish"))


def test_a_name_goes_before_a_number():
    assert matched(collection("1", "0"), 3, [["zero"], ["one"], ["1"]])[1] == [2, 0]


def test_a_number_is_that_of_a_class():
    targets, classes = matched(collection("10", "2"), 12)
    assert (classes, targets.guessed, targets.names[10]) == ([10, 2], False, "10")
    assert matched(collection("1", "cat"), 2, [["cat"], ["dog"]])[1] == [1, 0]


def test_numbers_that_begin_at_one_are_refused():
    with pytest.raises(OptionError, match=r"the label '3' is none of the model's 3 classes, which have the numbers 0"):
        match_labels(collection("1", "2", "3"), 3)


def test_without_names_as_many_labels_as_classes_stand_for_them_in_sorted_order():
    targets, classes = matched(collection("dog", "Cat", "bird", "dog"), 3)
    assert (classes, targets.guessed, targets.names) == ([2, 0, 1, 2], True, ("Cat", "bird", "dog"))


def test_without_names_any_other_number_of_labels_is_refused():
    with pytest.raises(
        OptionError, match=r"3 classes have no names, and the images 2 labels, as 'cat'\. Say --classes"
    ):
        match_labels(collection("cat", "dog"), 3)


def test_images_whose_label_is_no_class_are_left_out_and_counted():
    targets, classes = matched(collection("bird", "cat", "bird", "fish", files=["x.png"]), 2, [["cat"], ["dog"]])
    assert classes == [0] and targets.collection.entries[0].id == "1.png"
    assert targets.left_out == {"bird": 2, "fish": 1, "": 1}


def test_if_no_label_is_a_class_the_nearest_name_is_told():
    with pytest.raises(OptionError, match=r"the label 'doge' is none .* as 'cat'\. Did you mean dog\? Say --classes"):
        match_labels(collection("doge"), 2, [["cat"], ["dog"]])


def test_a_name_that_several_classes_share_is_none_but_their_ids_are():
    names = [["n02012849", "crane"], ["n03126707", "crane"], ["n00000001", "egret"]]
    targets, classes = matched(collection("crane", "n03126707", "egret"), 3, names)
    assert (classes, targets.left_out) == ([1, 2], {"crane": 1})
    assert targets.names == ("crane (0)", "crane (1)", "egret")


def test_files_without_a_folder_may_bear_a_wordnet_id():
    names = [["n01440764"], ["n01443537"]]
    assert matched(collection(files=["n01443537_goldfish.jpg", "a/n01440764_1.JPEG"]), 2, names)[1] == [1, 0]


def test_images_without_any_label_are_refused():
    with pytest.raises(ImageError, match=r"no image in photos has a label\. Give a folder for each class, or a list"):
        match_labels(collection(files=["a.png"]), 2, [["cat"], ["dog"]])


# Tables of names -------------------------------------------------------------------------------------------

TABLE = [("n1", "cat"), ("n2", "dog"), ("n3", "bird")]


def test_rows_belong_to_the_classes_whose_name_is_in_them():
    assert all_names(["dog", "cat"], TABLE, 2) == [("dog", "n2", "dog"), ("cat", "n1", "cat")]


def test_without_names_of_the_model_rows_stand_in_the_order_of_the_classes():
    assert all_names([], TABLE, 3) == TABLE
    assert all_names([], TABLE, 2) is None


def test_rows_in_the_order_of_the_classes_may_add_names():
    assert all_names(["Katze", "dog", "Vogel"], TABLE, 3)[2] == ("Vogel", "n3", "bird")


def test_rows_in_another_order_than_the_models_names_do_not_fit():
    assert all_names(["dog", "cat", "Vogel"], TABLE, 3) is None


def test_names_that_several_classes_share_are_told_apart_by_the_order():
    table = [("n1", "crane"), ("n2", "crane")]
    assert all_names(["crane", "crane"], table, 2) == [("crane", "n1", "crane"), ("crane", "n2", "crane")]
