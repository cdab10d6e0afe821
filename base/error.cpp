#include "base/error.h"

#include "base/result.h"

#include <stdexcept>

namespace cpm {

const char* failure_name(Failure failure) noexcept {
  switch (failure) {
    case Failure::not_found: return "not_found";
    case Failure::exists: return "exists";
    case Failure::denied: return "denied";
    case Failure::invalid: return "invalid";
    case Failure::bad_syntax: return "bad_syntax";
    case Failure::bad_charset: return "bad_charset";
    case Failure::unknown_cte: return "unknown_cte";
    case Failure::unsupported: return "unsupported";
    case Failure::limit: return "limit";
    case Failure::too_big: return "too_big";
    case Failure::over_quota: return "over_quota";
    case Failure::try_create: return "try_create";
    case Failure::in_use: return "in_use";
    case Failure::has_children: return "has_children";
    case Failure::use_attr: return "use_attr";
    case Failure::too_many: return "too_many";
    case Failure::no_filter: return "no_filter";
    case Failure::bad_url: return "bad_url";
    case Failure::expunged: return "expunged";
    case Failure::auth_failed: return "auth_failed";
    case Failure::authz_failed: return "authz_failed";
    case Failure::locked_out: return "locked_out";
    case Failure::unavailable: return "unavailable";
    case Failure::in_doubt: return "in_doubt";
    case Failure::timeout: return "timeout";
    case Failure::corrupt: return "corrupt";
    case Failure::internal: return "internal";
  }
  return "internal";
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error(std::string("unchecked result: ") + failure_name(error.failure) + ": " + error.text + " " +
                         error.detail);
}

}  // namespace cpm
