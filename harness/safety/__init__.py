"""What belongs beside a sampler: watermarks, filters, detectors of generated images."""
