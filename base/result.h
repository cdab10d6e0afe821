// Result<T>: a value or an Error. Must be looked at before use; value() of an error throws
// std::logic_error, which is a bug and ends the session, never the server.
// Runs on: any thread.
#pragma once

#include "base/error.h"

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace cpm {

template <class T>
using Result = boost::system::result<T, Error>;

// Found by argument-dependent lookup from boost::system::result::value().
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location&);

}  // namespace cpm

// CPM_TRY(name, expression): binds the value or returns the error to the caller.
#define CPM_TRY(name, ...)                          \
  auto name##_result = (__VA_ARGS__);               \
  if (!name##_result) return name##_result.error(); \
  auto& name = *name##_result

// CPM_CHECK(expression): for Result<void>.
#define CPM_CHECK(...)                                                                       \
  do {                                                                                       \
    if (auto checked_result = (__VA_ARGS__); !checked_result) return checked_result.error(); \
  } while (false)
