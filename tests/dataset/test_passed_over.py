from emocap.dataset.passed_over import PassedOver, in_thumbnails


def test_folders_of_thumbnails() -> None:
    assert in_thumbnails("@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg")
    assert in_thumbnails("a/.THUMBNAILS/b.jpg")
    assert not in_thumbnails("thumbs/b.jpg")
    assert not in_thumbnails("a/@eaDir")


def test_counts_go_through_the_metadata_of_a_table() -> None:
    passed = PassedOver()
    for name in ("a.XML", "b.xml", "c.tar.gz", "d", "._e.jpg", ".hidden", "@eaDir/x.jpg", "y." + "z" * 50):
        passed.add(name)
    expected = {
        ".xml": 2,
        ".tar.gz": 1,
        "without an ending": 1,
        "in thumbnail folders": 1,
        "." + "z" * 11: 1,
    }
    assert passed.counts == expected
    assert PassedOver.of_counts({"frames": 3, **passed.to_counts()}).counts == expected


def test_the_most_frequent_endings_are_told_and_the_others_counted() -> None:
    passed = PassedOver({f".{number}": number for number in range(1, 12)})
    assert passed.in_words() == "11 .11, 10 .10, 9 .9, 8 .8, 7 .7, 6 .6, 5 .5, 4 .4, 6 others"


def test_names_without_end_take_no_memory() -> None:
    passed = PassedOver()
    for number in range(1000):
        passed.add(f"log.{number}")
    assert len(passed.counts) == 101
    assert passed.counts["others"] == 900
