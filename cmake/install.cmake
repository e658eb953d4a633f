# The installable libraries: shared, versioned, showing only what is marked FARHAND_API; find_package(farhand) and
# pkg-config find them. The programs and tests of this project use the static ones, from the same objects.
include(CMakePackageConfigHelpers)

set(FARHAND_SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})  # before 1.0 a minor version may break the ABI

# The distribution's shared OpenSSL: a library that others link gets its security updates with the system.
find_library(FARHAND_SHARED_SSL NAMES libssl.so REQUIRED)
find_library(FARHAND_SHARED_CRYPTO NAMES libcrypto.so REQUIRED)

# farhand_shared_library(NAME DESCRIPTION TEXT [USES NAMES...] [WITH FILES...]): the library of target farhand_NAME.
# USES: others of these that it is built on; WITH: what is linked into it and not shown.
function(farhand_shared_library name)
  cmake_parse_arguments(ARG "" "DESCRIPTION" "USES;WITH" ${ARGN})
  set(target farhand_${name}_shared)
  add_library(${target} SHARED $<TARGET_OBJECTS:farhand_${name}>)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME farhand_${name} EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${FARHAND_SOVERSION}
    LINKER_LANGUAGE CXX)
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_compile_definitions(${target} INTERFACE ASIO_STANDALONE)
  target_include_directories(${target} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} INTERFACE Threads::Threads)
  foreach(used IN LISTS ARG_USES)
    target_link_libraries(${target} PUBLIC farhand_${used}_shared)
  endforeach()
  # By file and not by target: how the insides are built is nothing that a user of the library has to find.
  target_link_libraries(${target} PRIVATE ${ARG_WITH} $<TARGET_FILE:farhand_common> -lspdlog -lfmt)
  if(ARG_USES)
    target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)  # the first one shows what all share
  endif()
  target_link_options(${target} PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/hide_asio.map)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/hide_asio.map)
  target_link_options(${target} PRIVATE -Wl,-z,relro,-z,now -Wl,--no-undefined -Wl,--as-needed)
  add_dependencies(${target} farhand_common)
  install(TARGETS ${target} EXPORT farhand LIBRARY NAMELINK_COMPONENT devel)

  list(TRANSFORM ARG_USES PREPEND farhand- OUTPUT_VARIABLE requires)
  list(JOIN requires " " FARHAND_PC_REQUIRES)
  set(FARHAND_PC_NAME ${name})
  set(FARHAND_PC_DESCRIPTION ${ARG_DESCRIPTION})
  configure_file(cmake/farhand.pc.in farhand-${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/farhand-${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT devel)
endfunction()

farhand_shared_library(socketserver DESCRIPTION "Python's socketserver in C++")
farhand_shared_library(socketserver_tls DESCRIPTION "TLS for handlers of farhand-socketserver" USES socketserver
  WITH $<TARGET_FILE:farhand_stream> ${FARHAND_SHARED_SSL} ${FARHAND_SHARED_CRYPTO})
add_dependencies(farhand_socketserver_tls_shared farhand_stream)
farhand_shared_library(events DESCRIPTION "Event-driven servers in one thread" USES socketserver)
farhand_shared_library(http DESCRIPTION "HTTP servers on farhand-socketserver" USES socketserver events)

set(FARHAND_CONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/farhand)
install(EXPORT farhand NAMESPACE farhand:: FILE farhand-targets.cmake DESTINATION ${FARHAND_CONFIG_DIR} COMPONENT devel)
configure_package_config_file(cmake/farhand-config.cmake.in farhand-config.cmake INSTALL_DESTINATION ${FARHAND_CONFIG_DIR})
write_basic_package_version_file(farhand-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/farhand-config.cmake ${PROJECT_BINARY_DIR}/farhand-config-version.cmake
        DESTINATION ${FARHAND_CONFIG_DIR} COMPONENT devel)

install(CODE "
  set(FARHAND_SOURCE \"${PROJECT_SOURCE_DIR}\")
  set(FARHAND_HEADERS \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}/farhand\")
  include(\"${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake\")" COMPONENT devel)
