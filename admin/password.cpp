#include "admin/password.h"

#include "schema/credentials.h"

#include <openssl/crypto.h>
#include <termios.h>
#include <unistd.h>

#include <iostream>

namespace cpm::admin {

namespace {

// Switches the echo of the terminal off while it lives.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    active_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~Silence() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  bool active_ = false;
};

// A text that is wiped when it is no longer needed.
struct Secret {
  std::string text;
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(text.data(), text.size()); }
};

void read_line(std::istream& in, std::string& line) {
  std::getline(in, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
}

void ask(Context& context, const std::string& prompt, std::string& answer) {
  context.io.err << prompt << std::flush;
  const Silence silence;
  read_line(context.io.in, answer);
  context.io.err << '\n';
}

Result<std::optional<schema::ScramKeys>> to_keys(const std::string& password) {
  if (password.empty()) return fail(Failure::invalid, "the password is empty");
  auto keys = schema::make_scram_keys(password);
  if (!keys) return keys.error();
  return std::optional(std::move(*keys));
}

Error nobody_to_ask() {
  return fail(Failure::invalid,
              "a password is needed, and there is no terminal to ask for it\n"
              "Pipe it in and add --password-stdin: printf '%s\\n' \"$PASSWORD\" | cpmctl ... --password-stdin");
}

}  // namespace

Result<std::string> read_password(Context& context, bool from_stdin, const std::string& whose) {
  std::string password;
  if (from_stdin) {
    read_line(context.io.in, password);
  } else if (context.io.in_terminal) {
    ask(context, "Password for " + whose + ": ", password);
  } else {
    return nobody_to_ask();
  }
  if (password.empty()) return fail(Failure::invalid, "the password is empty");
  return password;
}

Result<std::optional<schema::ScramKeys>> read_keys(Context& context, const PasswordOptions& options,
                                                   const std::string& whose) {
  if (options.none) return std::optional<schema::ScramKeys>();
  Secret first;
  if (options.from_stdin) {
    read_line(context.io.in, first.text);
    return to_keys(first.text);
  }
  if (!context.io.in_terminal) return nobody_to_ask();
  Secret second;
  ask(context, "Password for " + whose + ": ", first.text);
  ask(context, "Again: ", second.text);
  if (first.text != second.text) return fail(Failure::invalid, "the two passwords differ; nothing was changed");
  return to_keys(first.text);
}

}  // namespace cpm::admin
