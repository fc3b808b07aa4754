"""From samples to patients: the privacy unit is the patient, models answer about samples."""

from __future__ import annotations

import numpy as np

from genoaudit.contracts import FloatArray, IntArray
from genoaudit.errors import ConfigError


def patient_mean(values: FloatArray, patients: IntArray) -> FloatArray:
    """Average the samples of each patient.

    Samples of one patient are correlated: adding up their evidence would count it twice, the mean does not.

    Parameters
    ----------
    values
        Any statistic of the samples; [..., samples].
    patients
        Patient code of each sample, 0 .. patients - 1, in any order, every code at least once; [samples].

    Returns
    -------
    Mean over the samples of each patient; [..., patients].

    Raises
    ------
    ConfigError
        If the codes do not fit the samples, or a code between 0 and the largest has no sample.

    Examples
    --------
    >>> patient_mean(np.array([1.0, 10.0, 3.0]), np.array([0, 1, 0]))
    array([ 2., 10.])
    """
    if patients.ndim != 1 or values.shape[-1] != patients.size or patients.size == 0:
        raise ConfigError(
            f"one patient code per sample is needed: values have {values.shape[-1]} samples, codes have shape "
            f"{patients.shape}."
        )
    counts = np.bincount(patients)
    if not counts.all():
        missing = np.flatnonzero(counts == 0)
        raise ConfigError(
            f"{missing.size} of {counts.size} patient codes have no sample (first: code {missing[0]}). "
            "Number the patients 0, 1, 2, ... without gaps."
        )
    order = np.argsort(patients, kind="stable")
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    ordered = values[..., order]
    mean = np.add.reduceat(ordered, starts, axis=-1) / counts
    # Samples that agree agree with their mean: rounding must not break ties between patients.
    return np.clip(mean, np.minimum.reduceat(ordered, starts, axis=-1), np.maximum.reduceat(ordered, starts, axis=-1))
