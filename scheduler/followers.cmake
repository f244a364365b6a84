add_library(windlass_followers STATIC followers.cpp)
    target_link_libraries(windlass_followers PUBLIC windlass_settings windlass_shared PRIVATE windlass_warnings)
