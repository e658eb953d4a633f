// Pairs of an old and a new content, as they come about: what bench_delta measures on.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace farhand::bench {

using Content = std::vector<std::byte>;

struct Shape {
  std::string name;
  Content base;
  Content fresh;
};

// The names of all shapes.
std::vector<std::string> shape_names();

// One of them, from a fixed seed; `bytes` is the size of the large ones. Text comes from the machine's own headers.
Shape make_shape(const std::string& name, std::size_t bytes);

}  // namespace farhand::bench
