// Push (MSS-39, 40, 93) as annotations of the server: the user names the devices that are told of events by
// /private/vendor/cpmstore/push/DEVICE/webhook (or pap) and says more by secret, target, events, mailbox, kinds and
// digest beside it (docs/push.md). Values are checked here; schema/push_entries.cpp makes them count in the same
// transaction. Not an extension of IMAP: RFC 5464 leaves names below vendor to the vendor.
#include "schema/push.h"
#include "imap/extension.h"

namespace cpm::imap::ext::push {

namespace {

constexpr std::string_view kRoot = "/vendor/cpmstore/push";

Result<void> check(std::string_view name, std::string_view value, const ParseContext&) {
  return schema::check_push_entry(name, value);
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "push";
  extension.rfcs = {"RFC 5464", "RFC 5423"};
  extension.requires_names = {"metadata"};
  extension.metadata_rules = {{kRoot, check}};
  extension.response_codes = {"CANNOT"};
  return extension;
}

}  // namespace cpm::imap::ext::push
