// SPDX-License-Identifier: MIT
// Lines.java - a server with one thread per connection; sends each line back with "!".
import java.io.*;
import java.net.*;

public class Lines {
	static void serve(Socket s) {
		try (s) {
			BufferedReader in = new BufferedReader(new InputStreamReader(s.getInputStream()));
			OutputStream out = s.getOutputStream();
			String line;
			while ((line = in.readLine()) != null)
				out.write((line + "!\n").getBytes());
		} catch (IOException e) {
			// The client has gone.
		}
	}

	public static void main(String[] args) throws Exception {
		try (ServerSocket s = new ServerSocket(Integer.parseInt(args[0]), 4096)) {
			while (true) {
				Socket c = s.accept();
				c.setTcpNoDelay(true);
				new Thread(() -> serve(c)).start();
			}
		}
	}
}
