// FARHAND_API: marks what the installed libraries show. Everything else is built with hidden visibility.
#pragma once

#define FARHAND_API __attribute__((visibility("default")))
