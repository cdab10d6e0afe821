// What a default conversion (CONVERT with NIL, RFC 5259 6) makes of parts: the policies convert.image and
// convert.pixels of the account (base/policy.h), and what the user prefers for a device. A device is what the client
// calls itself in ID (RFC 2971); its preferences are annotations of the server below kDevicePreference, the policy's
// key last:
//   SETMETADATA "" (/private/vendor/cpmstore/device/acmephone/convert.pixels "320")
// What the provider decides counts before all of them.
// Runs on: session strand; the choice of a target anywhere.
#pragma once

#include "imap/session/conversions.h"
#include "imap/session/session.h"
#include "schema/policy.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap {

inline constexpr std::string_view kDevicePreference = "/private/vendor/cpmstore/device/";

struct ConvertPreferences {
  std::string image = "image/jpeg";
  std::optional<std::uint32_t> pixels;  // of the longer side; none: as large as it is
};

// Looked up once a session: what a part becomes does not change during it (RFC 5259 8.2).
boost::asio::awaitable<Result<std::shared_ptr<const ConvertPreferences>>> convert_preferences(Session& session);
[[nodiscard]] ConvertPreferences preferences_of(const std::vector<schema::PolicyInForce>& policies);
[[nodiscard]] Result<ConvertPreferences> read_convert_preferences(schema::Transaction& tx, const schema::Principal& who,
                                                                  std::string_view device);

// The target for a part that is declared as `source`; empty: that must be found out of its octets.
[[nodiscard]] std::string default_target(const ConvertPreferences& preferences, std::string_view source);
// Adds the size that is preferred, unless the client said one.
void add_preferred_size(const ConvertPreferences& preferences, std::string_view source, ConvertRequest& request);

// "acmephone" of "AcmePhone/7.1"; empty when there is none.
[[nodiscard]] std::string device_of(std::string_view client_id);

}  // namespace cpm::imap
