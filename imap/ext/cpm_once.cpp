// X-CPM-ONCE: deposits that may be repeated (MSS-75). After ENABLE X-CPM-ONCE an APPEND of a CPM object whose
// IMDN-Message-ID (without one: Contribution-ID) and octets are those of an object in the same mailbox stores nothing
// and answers OK with the UID of the one that is there (docs/deposit.md). commands/append.cpp does it.
#include "imap/session/session.h"

namespace cpm::imap::ext::cpm_once {

Extension describe() {
  Extension extension;
  extension.name = "cpm_once";
  extension.rfcs = {"X-CPM-ONCE"};
  extension.requires_names = {"append", "enable"};
  extension.capabilities = {{"X-CPM-ONCE"}};
  extension.enables = {{"X-CPM-ONCE", [](Session& session) { session.enabled.deposit_once = true; }}};
  return extension;
}

}  // namespace cpm::imap::ext::cpm_once
