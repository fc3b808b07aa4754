from genoaudit.reconstruction.catalogue import CATALOGUE, reconstruction_records


def test_every_attack_says_what_people_should_know():
    names = ["analytic", "imprint", "trap_weights", "matching", "prior_aware", "informed", "inversion"]
    assert list(CATALOGUE) == names
    for record in reconstruction_records():
        assert all(isinstance(value, str) and value for value in record.values())
        assert record["sees"] in {"gradients", "parameters"}
        assert record["threat_model"].endswith(".")
        assert record["caveat"].endswith(".")
        assert any(year in record["reference"] for year in map(str, range(2015, 2025)))
