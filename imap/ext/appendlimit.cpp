// APPENDLIMIT (RFC 7889): one limit for all mailboxes, in the capability and as a STATUS item.
#include "imap/session/session.h"

namespace cpm::imap::ext::appendlimit {

Extension describe() {
  Extension extension;
  extension.name = "appendlimit";
  extension.rfcs = {"RFC 7889"};
  CapabilitySpec limit;
  limit.name = "APPENDLIMIT";
  limit.text = [](const Session& session) { return "APPENDLIMIT=" + std::to_string(session.limits().message_octets); };
  extension.capabilities = {limit};
  StatusItemSpec item{"APPENDLIMIT", nullptr};
  item.limit = [](const Limits& limits) { return limits.message_octets; };
  extension.status_items = {item};
  extension.response_codes = {"TOOBIG"};
  return extension;
}

}  // namespace cpm::imap::ext::appendlimit
