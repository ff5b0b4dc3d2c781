"""Operation of the server by machines: health for those that restart it, figures for Prometheus, logs."""
