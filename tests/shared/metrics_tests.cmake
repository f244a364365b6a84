windlass_test(metrics_tests
  SOURCES metrics/line_protocol_test.cpp metrics/window_codec_test.cpp
  LIBRARIES windlass_shared)

windlass_test(metric_store_test WHOLE
  SOURCES metrics/metric_store_test.cpp
  LIBRARIES windlass_metrics windlass_test_support
  LABELS database)
