import pytest

from inspectnet.errors import ImageError
from inspectnet.images import find_images


def write(tmp_path, name, text):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path / name


def listing(tmp_path, name, text):
    return [(entry.id, entry.label) for entry in find_images(write(tmp_path, name, text))]


@pytest.mark.parametrize(
    "line, path, label",
    [
        ("a.jpg 3", "a.jpg", "3"),
        ("a.jpg", "a.jpg", None),
        ("a.jpg\ttench", "a.jpg", "tench"),
        ("  ./sub//a.JPG   3  ", "sub/a.JPG", "3"),
        ("my photo.jpg 3", "my photo.jpg", "3"),
        ("my  photo.jpg", "my  photo.jpg", None),
        ("a.jpg great white  shark", "a.jpg", "great white shark"),
        ("a.jpg copy.png 7", "a.jpg copy.png", "7"),
        ("a.jpg png", "a.jpg", "png"),
        ("photo 3", "photo", "3"),
        ("my photo 3", "my photo", "3"),
        ("photo", "photo", None),
        ("../other/a.jpg 1", "../other/a.jpg", "1"),
    ],
)
def test_a_line_is_a_path_and_perhaps_a_label(tmp_path, line, path, label):
    assert listing(tmp_path, "list.txt", line + "\n") == [(path, label)]


def test_a_text_list_is_sorted_and_relative_to_itself(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.png").write_bytes(b"b")
    (tmp_path / "a.png").write_bytes(b"a")
    absolute = (tmp_path / "a.png").as_posix()
    found = find_images(write(tmp_path, "list.txt", f"\ufeffsub/b.png 1\r\n\r\n{absolute} 2\r\nsub/b.png 1\r\n"))
    assert [(entry.id, entry.label) for entry in found] == [(absolute, "2"), ("sub/b.png", "1")]
    assert [found.read(0), found.read(1)] == [b"a", b"b"]


def test_a_csv_is_read_by_its_header(tmp_path):
    text = 'id,Label, FILE\r\n1,"cat, black","b, 2.png"\r\n\r\n2,,a.png\r\n'
    assert listing(tmp_path, "list.csv", text) == [("a.png", None), ("b, 2.png", "cat, black")]
    assert listing(tmp_path, "list.csv", "\ufeffimage,class\na.png,dog\n") == [("a.png", "dog")]
    assert listing(tmp_path, "list.csv", "path\na.png\n") == [("a.png", None)]


@pytest.mark.parametrize(
    "name, text, error",
    [
        (
            "l.csv",
            "a.png,3\nb.png,4\n",
            "no column of images, its header reads a.png, 3. Name one of the columns",
        ),
        ("l.csv", "", "its header reads nothing"),
        ("l.csv", "label,path\n3,a.png\n4\n", "names no image in line 3. Fill in its path"),
        ("l.csv", b"path\n\xff\xfe.png\n", "is not UTF-8 text"),
        ("l.csv", 'path\n"' + "a" * 200_000, "is not CSV, line 2: field larger than field limit"),
        ("l.txt", "é.png 1\n".encode("latin-1"), "is not UTF-8 text"),
        ("l.txt", b"a\0b.png 1\n", "is not text"),
        ("l.txt", "a.png 1\nb.png 1\n./a.png 2\n", "gives a.png two labels, 1 and 2. Keep one of the lines"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_in_one_line(tmp_path, name, text, error):
    with pytest.raises(ImageError) as caught:
        find_images(write(tmp_path, name, text))
    assert error in str(caught.value)
    assert name in str(caught.value) and "\n" not in str(caught.value)
