#include "admin/deposit/facts.h"

#include <algorithm>
#include <array>

namespace cpm::deposit {

namespace {

struct KindName {
  Kind kind;
  const char* name;
};
constexpr std::array<KindName, 9> kKinds{{{Kind::session, "session"},
                                          {Kind::message, "message"},
                                          {Kind::chat, "chat"},
                                          {Kind::notification, "notification"},
                                          {Kind::file, "file"},
                                          {Kind::group_state, "group-state"},
                                          {Kind::media, "media"},
                                          {Kind::sms, "sms"},
                                          {Kind::mms, "mms"}}};

}  // namespace

const char* kind_name(Kind kind) noexcept {
  return std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& row) { return row.kind == kind; })->name;
}

std::optional<Kind> kind_of(std::string_view name) noexcept {
  const auto row = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindName& one) { return one.name == name; });
  return row == kKinds.end() ? std::nullopt : std::optional(row->kind);
}

}  // namespace cpm::deposit
