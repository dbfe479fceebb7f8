# What `cmake --install` and cpack put where: the command for users, the static library and headers
# for those who build on it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS striate_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
install(DIRECTORY recipes DESTINATION ${CMAKE_INSTALL_DATADIR}/striate COMPONENT command)

install(TARGETS striate ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(DIRECTORY include/striate DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library
        FILES_MATCHING PATTERN "*.h")
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/striate)
file(RELATIVE_PATH STRIATE_PREFIX_FROM_CONFIG /${config_dir} /)
configure_file(cmake/striate-config.cmake.in striate-config.cmake @ONLY)
write_basic_package_version_file(striate-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/striate-config.cmake
              ${PROJECT_BINARY_DIR}/striate-config-version.cmake
        DESTINATION ${config_dir} COMPONENT library)

# Debian packages: `striate`, the command, and `striate-dev`, the library.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME striate)
set(CPACK_PACKAGE_CONTACT "The Striate developers <striate@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "convolutional and recurrent networks, trained and run natively")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL command library)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME striate)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION science)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME striate-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS
    "g++, make | ninja-build, cmake, pkg-config, libhwy-dev, libfmt-dev, libtomlplusplus-dev, libpugixml-dev, liblinear-dev, zlib1g-dev, libpng-dev, libjpeg-dev, libcairo2-dev, libprotobuf-dev, protobuf-compiler")
include(CPack)
