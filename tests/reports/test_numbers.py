from emocap.reports.numbers import fraction, hundredfold, percent, signed


def test_errors_in_units_are_not_multiplied() -> None:
    assert (hundredfold("uar", 0.62849), hundredfold("mae", 0.62849)) == ("62.8", "0.628")
    assert (hundredfold("gap", 0.171), hundredfold("eer", 0.0184)) == ("17.1", "1.8")


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert (hundredfold("ccc", -0.0002), hundredfold("ccc", -0.052), fraction(-0.0002)) == ("0.0", "-5.2", "0.000")
    assert (fraction(-0.052), signed(-0.004), signed(0.314), signed(-0.314)) == ("−0.052", "0.00", "+0.31", "−0.31")


def test_percent_is_whole() -> None:
    assert [percent(share) for share in (0, 0.125, 0.375, 2 / 3, 1)] == ["0%", "12%", "38%", "67%", "100%"]
