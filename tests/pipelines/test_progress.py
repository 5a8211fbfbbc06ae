"""Counters in the process that runs the pipeline, without Beam."""

from pipelines.progress import collecting, count


def test_counting_outside_a_pipeline_does_nothing():
    count("bytes", 5)
    with collecting() as counters:
        pass
    assert counters == {}


def test_counts_add_up_by_name():
    with collecting() as counters:
        count("bytes", 5)
        count("pages")
        count("bytes", 7)
    assert counters == {"bytes": 12, "pages": 1}


def test_a_pipeline_inside_another_counts_for_itself():
    with collecting() as outer:
        count("bytes", 1)
        with collecting() as inner:
            count("bytes", 10)
        count("bytes", 2)
    assert (outer, inner) == ({"bytes": 3}, {"bytes": 10})
