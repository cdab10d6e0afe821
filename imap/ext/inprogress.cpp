// INPROGRESS (RFC 9585): who waits for a long command hears that it goes on. session/command_watch.cpp says it, of
// every command; those that count set Session::progress.
#include "imap/session/session.h"

namespace cpm::imap::ext::inprogress {

Extension describe() {
  Extension extension;
  extension.name = "inprogress";
  extension.rfcs = {"RFC 9585"};
  extension.capabilities = {
      {"INPROGRESS", [](const Session& session) { return session.limits().progress_interval.count() > 0; }}};
  extension.response_codes = {"INPROGRESS"};
  return extension;
}

}  // namespace cpm::imap::ext::inprogress
