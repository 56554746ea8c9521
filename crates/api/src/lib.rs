//! The argoproj.io custom resources: types, defaults, validation, phase, constants.
