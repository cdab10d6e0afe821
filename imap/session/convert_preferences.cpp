#include "imap/session/convert_preferences.h"

#include "imap/mime/header.h"
#include "schema/metadata.h"
#include "schema/policy.h"

#include <algorithm>
#include <charconv>

namespace cpm::imap {

namespace {

constexpr std::string_view kImage = "convert.image", kPixels = "convert.pixels";

void take(ConvertPreferences& preferences, std::string_view key, const std::string& value) {
  if (key == kImage) preferences.image = value;
  if (key != kPixels) return;
  std::uint32_t pixels = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), pixels);
  preferences.pixels = error == std::errc{} && pixels > 0 ? std::optional(pixels) : std::nullopt;  // "any"
}

}  // namespace

std::string device_of(std::string_view client_id) {
  std::string name = mime::ascii_lower(client_id.substr(0, client_id.find('/')));
  // What an entry's name cannot hold (RFC 5464 4.1) cannot be asked for.
  std::erase_if(name, [](char c) { return c <= 0x20 || c >= 0x7f || c == '*' || c == '%' || c == '/'; });
  return name;
}

ConvertPreferences preferences_of(const std::vector<schema::PolicyInForce>& policies) {
  ConvertPreferences preferences;
  for (const schema::PolicyInForce& one : policies) take(preferences, one.key->name, one.value);
  return preferences;
}

Result<ConvertPreferences> read_convert_preferences(schema::Transaction& tx, const schema::Principal& who,
                                                    std::string_view device) {
  CPM_TRY(policies, schema::read_policies(tx, who.account));
  ConvertPreferences preferences = preferences_of(policies);
  std::vector<std::string> keys;
  for (const schema::PolicyInForce& one : policies) {
    if (one.key->name != kImage && one.key->name != kPixels) continue;
    const bool decided = one.source == schema::PolicySource::account || one.source == schema::PolicySource::site;
    if (!decided) keys.push_back(std::string(kDevicePreference) + std::string(device) + "/" + one.key->name);
  }
  if (device.empty() || keys.empty()) return preferences;
  CPM_TRY(values, schema::read_metadata(tx, schema::metadata_of_server(who), keys));
  for (const schema::MetadataValue& one : values) {
    const PolicyKey* key = find_policy(std::string_view(one.key).substr(one.key.rfind('/') + 1));
    if (key == nullptr) continue;
    if (const auto value = canonical_policy(*key, one.value)) take(preferences, key->name, *value);
  }
  return preferences;
}

boost::asio::awaitable<Result<std::shared_ptr<const ConvertPreferences>>> convert_preferences(Session& session) {
  if (session.convert_preferences) co_return session.convert_preferences;
  auto work = [who = *session.principal, device = device_of(session.client_id)](schema::Transaction& tx) {
    return read_convert_preferences(tx, who, device);
  };
  auto read = co_await session.db(std::move(work), schema::Mode::reads);
  if (!read) co_return read.error();
  session.convert_preferences = std::make_shared<const ConvertPreferences>(std::move(*read));
  co_return session.convert_preferences;
}

std::string default_target(const ConvertPreferences& preferences, std::string_view source) {
  const std::string type = adapt::canonical_type(source);
  const bool seen = type.starts_with("image/") || type.starts_with("video/");
  if (seen && adapt::find_conversion(type, preferences.image) != nullptr) return preferences.image;
  const adapt::Conversion* usual = adapt::find_conversion(type, "");
  return usual == nullptr ? std::string() : std::string(usual->target);
}

void add_preferred_size(const ConvertPreferences& preferences, std::string_view source, ConvertRequest& request) {
  const adapt::Conversion* conversion = adapt::find_conversion(adapt::canonical_type(source), request.target);
  if (!preferences.pixels || conversion == nullptr) return;
  const bool sized = std::any_of(request.parameters.begin(), request.parameters.end(),
                                 [](const auto& one) { return one.first == "pix-x" || one.first == "pix-y"; });
  if (sized) return;
  for (const char* name : {"pix-x", "pix-y"}) {
    if (adapt::has_parameter(*conversion, name))
      request.parameters.emplace_back(name, std::to_string(*preferences.pixels));
  }
}

}  // namespace cpm::imap
