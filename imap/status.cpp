#include "imap/status.h"

#include <utility>

namespace cpm::imap {

Done ok(std::string text, std::string code) {
  return {Done::Kind::ok, std::move(code), std::move(text), {}, Done::Next::nothing};
}

Done no(std::string text, std::string code) {
  return {Done::Kind::no, std::move(code), std::move(text), {}, Done::Next::nothing};
}

Done bad(std::string text, std::string code) {
  return {Done::Kind::bad, std::move(code), std::move(text), {}, Done::Next::nothing};
}

namespace {

Done answer_to(const Error& error) {
  const auto text = [&error](const char* fallback) { return error.text.empty() ? std::string(fallback) : error.text; };
  switch (error.failure) {
    case Failure::not_found: return no("No such mailbox", "NONEXISTENT");
    case Failure::exists: return no(text("Already exists"), "ALREADYEXISTS");
    case Failure::denied: return no(text("Permission denied"), "NOPERM");
    case Failure::invalid: return no(text("Cannot do that"), "CANNOT");
    case Failure::bad_syntax: return bad(text("Syntax error"));
    case Failure::bad_charset: return no(text("Charset not supported"), "BADCHARSET (US-ASCII UTF-8)");
    case Failure::unknown_cte: return no(text("Unknown content transfer encoding"), "UNKNOWN-CTE");
    case Failure::unsupported: return no(text("Not supported"), "CANNOT");
    case Failure::limit: return no(text("Limit reached"), "LIMIT");
    case Failure::too_big: return no(text("Message too large"), "TOOBIG");
    case Failure::over_quota: return no(text("Quota exceeded"), "OVERQUOTA");
    case Failure::try_create: return no("No such mailbox; create it first", "TRYCREATE");
    case Failure::in_use: return no(text("In use"), "INUSE");
    case Failure::has_children: return no(text("Mailbox has inferior names"), "HASCHILDREN");
    case Failure::use_attr: return no(text("Special use not possible"), "USEATTR");
    case Failure::too_many: return no(text("Too many annotations"), "METADATA TOOMANY");
    case Failure::no_filter: return no("No such filter", "UNDEFINED-FILTER " + error.text);
    case Failure::bad_url: return no("This URL does not lead to a message here", "BADURL " + error.text);
    case Failure::expunged: return no(text("Some messages were expunged"), "EXPUNGEISSUED");
    case Failure::auth_failed: return no("Authentication failed", "AUTHENTICATIONFAILED");
    case Failure::authz_failed: return no("Not authorized to act for that identity", "AUTHORIZATIONFAILED");
    case Failure::locked_out: return no(text("Too many failures, try again later"), "LIMIT");
    case Failure::unavailable: return no("Temporarily unavailable, try again", "UNAVAILABLE");
    case Failure::in_doubt: return no("Not known whether it was done: look before trying again", "UNAVAILABLE");
    case Failure::timeout: return no("Took too long, try again", "UNAVAILABLE");
    case Failure::corrupt: return no("Stored data is damaged", "CORRUPTION");
    case Failure::internal: return no("Internal error", "SERVERBUG");
  }
  return no("Internal error", "SERVERBUG");
}

}  // namespace

Done failed(const Error& error) {
  Done done = answer_to(error);
  done.detail = error.detail;
  return done;
}

Done annotations_failed(const Error& error) {
  Done done = failed(error);
  if (error.failure == Failure::too_many) done.code = "ANNOTATE TOOMANY";
  return done;
}

Done annotation_too_big() { return no("Annotation too large", "ANNOTATE TOOBIG"); }

Done hang_up() {
  Done done;
  done.next = Done::Next::hang_up;
  return done;
}

}  // namespace cpm::imap
