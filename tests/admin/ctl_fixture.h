// cpmctl as a test calls it: a command line, what it prints, its exit code.
#pragma once

#include "admin/cli.h"
#include "admin/output.h"
#include "tests/admin/folder.h"
#include "tests/support/test_database.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace cpm::admin {

using support::TestDatabase;

struct Outcome {
  int code;
  std::string out, err;
  [[nodiscard]] Json json() const { return Json::parse(out); }
};

class Ctl : public testing::Test {
 protected:
  Outcome ctl(std::vector<std::string> arguments, const std::string& input = {}, bool terminal = false) {
    arguments.insert(arguments.begin(), {"--set", "database.url=" + test_.url()});
    std::istringstream in(input);
    std::ostringstream out, err;
    const int code = run(arguments, Streams{in, out, err, terminal, false}, {});
    return {code, out.str(), err.str()};
  }
  Outcome json(std::vector<std::string> arguments, const std::string& input = {}) {
    arguments.emplace_back("--json");
    return ctl(std::move(arguments), input);
  }
  void add(const std::string& address) { ASSERT_EQ(ctl({"user", "add", address, "--no-password"}).code, kOk); }

  TestDatabase test_;
  test::Folder folder_;
};

inline bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace cpm::admin
