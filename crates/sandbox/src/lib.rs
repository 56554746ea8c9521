//! The Kubernetes API in process: storage, machinery, built-in controllers, simulated nodes.
