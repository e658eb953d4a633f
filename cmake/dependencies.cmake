# Every third-party library, all from Debian's packages (scripts/packages lists them).
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Static OpenSSL: a client that starts for one command saves a millisecond of dynamic linking each time.
set(OPENSSL_USE_STATIC_LIBS ON)
find_package(OpenSSL 3.0 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(cereal REQUIRED)

# libedit and what it needs, static for the same reason: eight shared libraries take as long to find as a handshake.
add_library(farhand_libedit INTERFACE)
foreach(part edit tinfo bsd md)
  find_library(LIBEDIT_${part} NAMES lib${part}.a REQUIRED)
  target_link_libraries(farhand_libedit INTERFACE ${LIBEDIT_${part}})
endforeach()
find_library(XXHASH_LIBRARY NAMES libxxhash.a xxhash REQUIRED)
add_library(farhand_xxhash INTERFACE)
target_link_libraries(farhand_xxhash INTERFACE ${XXHASH_LIBRARY})
find_library(ZSTD_LIBRARY NAMES libzstd.a zstd REQUIRED)
add_library(farhand_zstd INTERFACE)
target_link_libraries(farhand_zstd INTERFACE ${ZSTD_LIBRARY})

# Asio is compiled once, in common/asio_implementation.cpp; everything else sees declarations only.
add_library(farhand_asio INTERFACE)
target_compile_definitions(farhand_asio INTERFACE ASIO_STANDALONE ASIO_SEPARATE_COMPILATION ASIO_NO_DEPRECATED)
target_link_libraries(farhand_asio INTERFACE Threads::Threads)
